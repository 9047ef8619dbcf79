-- Takes a token out of an answer and sends it from then on.
local token

function request()
   return wrk.format("GET", token and "/inside" or "/login")
end

function response(status, headers, body)
   if status == 200 and not token then
      token = headers["X-Token"] .. #body
      wrk.headers["X-Token"] = token
   end
end
