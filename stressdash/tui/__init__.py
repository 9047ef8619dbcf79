"""The Textual screens and widgets: they draw a `View` and tell the session what the user wants.

app         pulls a snapshot four times a second and shows it on the screen in front
view        a snapshot with the user's own settings beside it
screens     one module for each; `widgets` are their parts
keys        every key, once; `commands` is what keys make the session do
lines       lines of text with roles, which panels are made of; `palette` gives the roles colours
theming     themes, out of files
"""
