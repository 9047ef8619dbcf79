"""The stats service: stores pageviews over a Twirp-style RPC, watched by Elastic APM."""
