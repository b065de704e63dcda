"""What happens inside of a network: gates, gradients."""
