// What a user of the library sees beside `LLM`: requests and their parameters, and the faces of the parts that can be
// replaced, with the types on those faces.
@_exported public import Decoding
@_exported public import Executor
@_exported public import Guided
@_exported public import ModelEngines
@_exported public import Requests
@_exported public import Resources
@_exported public import Scheduling
@_exported public import Tensors
