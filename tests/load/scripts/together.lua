-- Three requests at once, one of them with a body, made before the run.
local batch

function init(args)
   batch = wrk.format("GET", "/first?x") .. wrk.format("POST", "/second", nil, "body") .. wrk.format("GET", "/third")
end

function request() return batch end
