-- Bodies of different lengths, and methods in turn.
local methods = { "PUT", "DELETE", "PATCH" }
local sent = 0

function request()
   sent = sent + 1
   local body = sent % 3 > 0 and ("x"):rep(sent) or nil
   return wrk.format(methods[sent % 3 + 1], nil, { ["X-Only"] = "here" }, body)
end
