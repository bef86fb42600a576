"""What is made of a picture before a ControlNet looks at it, by OpenCV or by models of their own."""
