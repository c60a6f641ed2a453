#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif
internal import Synchronization

/// One operating system thread that runs one function.
///
/// The unsafe calls below are those of pthreads. They are sound because the body is handed over once: it is retained
/// into the raw argument before the thread exists, and taken out of it exactly once, by that thread.
final class DedicatedThread: Sendable {
  /// Carries the body from the creator to the thread.
  private final class Body {
    let run: () -> Void
    init(run: @escaping () -> Void) { self.run = run }
  }

  private let handle: Mutex<pthread_t?>

  /// Starts a thread that runs `body` on a stack of `stackBytes`.
  ///
  /// - Throws: ``ThreadError`` if the operating system refuses.
  init(stackBytes: Int = 8 << 20, _ body: sending @escaping () -> Void) throws(ThreadError) {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    unsafe pthread_attr_setstacksize(&attributes, stackBytes)
    let argument = unsafe Unmanaged.passRetained(Body(run: body))
    #if canImport(Darwin)
      var thread: pthread_t?
      let status = unsafe pthread_create(
        &thread, &attributes,
        { argument in
          unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
          return nil
        }, argument.toOpaque())
    #else
      var thread = pthread_t()
      let status = unsafe pthread_create(
        &thread, &attributes,
        { argument in
          if let argument = unsafe argument { unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
          return nil
        }, argument.toOpaque())
    #endif
    guard status == 0 else {
      unsafe argument.release()
      throw ThreadError(status: status)
    }
    handle = Mutex(thread)
  }

  deinit {
    if let thread = handle.withLock({ $0.take() }) { pthread_detach(thread) }
  }

  /// Waits until the body has returned. Later calls return at once.
  func join() {
    if let thread = handle.withLock({ $0.take() }) { _ = pthread_join(thread, nil) }
  }
}

/// A thread could not be started.
struct ThreadError: Error, CustomStringConvertible {
  /// The status of `pthread_create`.
  let status: Int32

  /// One line with the status.
  var description: String { "the operating system refused a thread (pthread_create returned \(status))" }
}
