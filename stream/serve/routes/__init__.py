"""The paths of the API, by what they are about. Each handler asks the services and shapes an answer."""
