-- Only fills in the table: one POST, always the same.
wrk.method = "POST"
wrk.body = "a=1&b=two"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
wrk.headers["X-Kind"] = "form 100%"
