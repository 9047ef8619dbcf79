-- Each thread has an address that was looked up and tried.
function setup(thread)
   local found = wrk.lookup(wrk.host, wrk.port or "http")
   assert(#found > 0 and wrk.connect(found[1]))
   thread.addr = found[#found]
end

function init(args) print("to " .. tostring(wrk.thread.addr)) end
