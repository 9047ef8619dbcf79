"""A run, a comparison, an experiment or a knee for people and for programs.

run_json      the record that everything here is made of, and its JSON; `build` makes it out of a run's folds
summary       as text; `markdown`, `junit` and `html` (framed by `page`, drawn by `svg`) as files
reading       records by what people call them; `stored` those of runs on disk
comparison    two settings; `compare_text` and `compare_html` show it
experiment    several values of a knob; `knee` several levels of load
"""
