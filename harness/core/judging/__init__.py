"""The judge: a grader that asks a model. Pure: what it is asked, how its replies are read, when it counts."""
