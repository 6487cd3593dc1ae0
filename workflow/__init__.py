"""The domain of visual inspection: standard library only. The adapters are in workflow.aws."""
