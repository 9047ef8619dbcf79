-- What a wrk script finds around it, made of a few functions of the host. One state runs it; `...` is the host:
--   host.stopped()               nil, or why this call must not go on
--   host.write(text)             text that the script prints
--   host.lookup(name, service)   numbers of addresses, or nil and a reason
--   host.connects(number)        whether an address accepts connections
--   host.shown(number)           an address as text
--   host.stop()                  end this thread's load
--   host.get(thread, name), host.set(thread, name, value), host.address(thread), host.move(thread, number)
-- Returns what the host calls.

local host = ...
local error, type, tostring, select, setmetatable, rawget = error, type, tostring, select, setmetatable, rawget
local unpack, concat, getmetatable = unpack or table.unpack, table.concat, getmetatable

-- Endless code: a hook asks the host again and again, and nobody can catch its answer.

local sethook = debug.sethook
if jit then jit.off() end -- compiled code would not look at hooks

local function watch()
   local reason = host.stopped()
   if reason then error(reason, 0) end
end

sethook(watch, "", 100000)

local function uncaught(ok, ...)
   if not ok then watch() end
   return ok, ...
end

local pcall0, xpcall0, resume0, create0 = pcall, xpcall, coroutine.resume, coroutine.create
function pcall(...) return uncaught(pcall0(...)) end
function xpcall(...) return uncaught(xpcall0(...)) end

local depth = 0 -- of coroutines within coroutines: each takes a part of the C stack

local function resumed(...)
   depth = depth - 1
   return uncaught(...)
end

function coroutine.resume(...)
   if depth >= 100 then error("too many coroutines within one another", 2) end
   depth = depth + 1
   return resumed(resume0(...))
end

function coroutine.create(body)
   return create0(function(...)
      if not jit then sethook(watch, "", 100000) end -- LuaJIT has one hook, Lua 5.1 one for each coroutine
      return body(...)
   end)
end

local function passed(ok, ...)
   if not ok then error((...), 0) end
   return ...
end

function coroutine.wrap(body)
   local made = coroutine.create(body)
   return function(...) return passed(coroutine.resume(made, ...)) end
end

debug.sethook = function() error("debug.sethook is in use", 2) end
os.exit = function() error("a script cannot end the program; call wrk.thread:stop()", 2) end
if jit then jit.on = function() end end
python, package.loaded.python = nil, nil

-- Printing: the screen is not the script's.

local function text(...)
   local parts = {}
   for place = 1, select("#", ...) do parts[place] = tostring((select(place, ...))) end
   return parts
end

function print(...) host.write(concat(text(...), "\t") .. "\n") end
local out = {}
function out:write(...) host.write(concat(text(...))) return self end
function out.flush() return out end
function out.setvbuf() return true end
function out.close() return true end
io.stdout, io.stderr = out, out
function io.write(...) return out:write(...) end
function io.output() return out end

-- Addresses and threads.

local numbers = setmetatable({}, { __mode = "k" })
local address_type = { __tostring = function(address) return host.shown(numbers[address]) end }

local function address(number)
   local made = setmetatable({}, address_type)
   numbers[made] = number
   return made
end

local function number_of(value, level)
   local number = numbers[value]
   if not number then error("an address comes from wrk.lookup", level + 1) end
   return number
end

local thread_methods = {}
local thread_numbers = setmetatable({}, { __mode = "k" })
function thread_methods.get(thread, name) return host.get(thread_numbers[thread], name) end
function thread_methods.set(thread, name, value)
   local problem = host.set(thread_numbers[thread], name, value)
   if problem then error(problem, 2) end
end
function thread_methods.stop() host.stop() end
function thread_methods.store(thread, name, value) thread_methods.set(thread, name, value) end

local thread_type = {}
function thread_type.__index(thread, key)
   if key == "addr" then
      local number = host.address(thread_numbers[thread])
      return number and address(number)
   end
   return thread_methods[key]
end
function thread_type.__newindex(thread, key, value)
   if key ~= "addr" then error("a thread has addr, get, set and stop, not " .. tostring(key), 2) end
   host.move(thread_numbers[thread], number_of(value, 2))
end

local function thread(number)
   local made = setmetatable({}, thread_type)
   thread_numbers[made] = number
   return made
end

-- The wrk table.

wrk = { headers = {}, method = "GET", path = "/", scheme = "http", host = "localhost" }

function wrk.lookup(name, service)
   local found, problem = host.lookup(name, service)
   if not found then error(problem, 2) end
   local addresses = {}
   for place = 1, #found do addresses[place] = address(found[place]) end
   return addresses
end

function wrk.connect(value) return host.connects(number_of(value, 2)) end

function wrk.resolve(name, service)
   local working = {}
   for _, one in ipairs(wrk.lookup(name, service)) do
      if wrk.connect(one) then working[#working + 1] = one end
   end
   wrk.addrs = working
end

function wrk.format(method, path, headers, body)
   headers = headers or wrk.headers
   body = body or wrk.body
   if not headers.Host then headers.Host = wrk.headers.Host end
   headers["Content-Length"] = body and #body
   local lines = { (method or wrk.method) .. " " .. (path or wrk.path) .. " HTTP/1.1" }
   for name, value in pairs(headers) do
      lines[#lines + 1] = name .. ": " .. tostring(value)
   end
   return concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end

function wrk.setup(one)
   if type(setup) == "function" then setup(one) end
end

function wrk.init(args)
   if not wrk.headers.Host then
      local name = wrk.host:find(":") and "[" .. wrk.host .. "]" or wrk.host
      wrk.headers.Host = wrk.port and name .. ":" .. wrk.port or name
   end
   if type(init) == "function" then init(args) end
   local request = wrk.format()
   wrk.request = function() return request end
end

-- Figures for done(): userdata, as only that has a length of its own in Lua 5.1.

local function percentile(figures, percent)
   local rank, seen = math.floor(percent / 100 * figures.count + 0.5), 0
   for place = 1, #figures.values do
      seen = seen + figures.counts[place]
      if seen >= rank then return figures.values[place] end
   end
   return figures.max
end

local function stats(figures)
   local made = newproxy(true)
   local meta = getmetatable(made)
   function meta.__len() return #figures.values end
   function meta.__call(_, place) return figures.values[place], figures.counts[place] or 0 end
   function meta.__index(_, key)
      if key == "percentile" then
         return function(_, percent) return percentile(figures, percent) end
      end
      return figures[key]
   end
   return made
end

-- What is global from here on is the script's.

local own = {}
for name in pairs(_G) do own[name] = true end

return {
   load = function(chunk, name)
      local run, problem = loadstring(chunk, name)
      if not run then error(problem, 0) end
      run()
   end,
   has = function(name) return type(rawget(_G, name)) == "function" end,
   call = function(name, ...) return _G[name](...) end,
   get = function(name) return rawget(_G, name) end,
   set = function(name, value) _G[name] = value end,
   globals = function()
      local found = {}
      for name, value in pairs(_G) do
         if type(name) == "string" and not own[name] and type(value) ~= "function" then found[name] = value end
      end
      return found
   end,
   thread = thread,
   stats = stats,
   wrk = wrk,
}
