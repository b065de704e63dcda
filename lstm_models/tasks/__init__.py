"""A folder a task, all of one shape: config, features, network, decoding, results, model."""
