"""What rules said of images, for people and for machines: rows, their table, JUnit and SARIF."""
