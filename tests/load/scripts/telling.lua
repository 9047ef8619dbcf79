-- setup gives each thread a number, done asks them what became of it.
local threads = {}

function setup(thread)
   thread:set("id", #threads + 1)
   threads[#threads + 1] = thread
end

function init(args)
   answers = 0
   first = args[1]
   print(("thread %d begins with %s"):format(id, first))
end

function response() answers = answers + 1 end

function done(summary, latency, requests)
   local all = 0
   for _, thread in ipairs(threads) do
      all = all + thread:get("answers")
      io.write("thread ", thread:get("id"), " of ", #threads, "\n")
   end
   print("agree", all == summary.requests, summary.errors.status, summary.bytes > 0, summary.duration > 0)
   print("latency", latency.min <= latency:percentile(50), latency:percentile(99.9) <= latency.max, #latency > 0)
   local value, count = latency(1)
   print("first", value == latency.min, count > 0, latency.mean > 0, latency.stdev >= 0, requests.max > 0)
end
