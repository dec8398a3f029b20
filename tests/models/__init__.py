"""Full-size models made by the real TensorFlow and Keras: see catalog.py for the list, cache.py to get one."""
