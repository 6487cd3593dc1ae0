"""The review app: pages for reviewers and engineers, rendered on the server."""
