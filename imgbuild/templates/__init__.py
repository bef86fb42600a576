"""Text with holes, and values that hold such text: compiled once, in a sandbox, bounded in what they compute."""
