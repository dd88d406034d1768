"""`make demo`: the main job on embedded servers, told to a person; `make ui` and `make down` look at it and end it."""
