-- A path and a header of each request's own.
local sent = 0

function request()
   sent = sent + 1
   wrk.headers["X-Sent"] = sent
   return wrk.format("GET", "/items/" .. sent .. "?half=" .. sent / 2)
end
