/// The directory in which this user's models, and what else is worth keeping, are cached.
package func userCacheDirectory() -> String { Cache(nil, environment: .process).root }

/// The value of an environment variable of this process; nil if it is unset or empty.
package func environmentVariable(_ name: String) -> String? { System.environment(name) }
