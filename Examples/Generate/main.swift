// The library in a few lines: load the default model (fetched the first time), then stream an answer.
//
// Run: swift run -c release GenerateExample
import Inflight

let llm = try await LLM()
for try await chunk in try llm.stream("The capital of France is", SamplingParams(maxTokens: 16)) {
  print(chunk.text, terminator: "")
}
print()

// Many prompts run together; each gets the answer that it would get alone.
let prompts = ["One, two, three,", "The first month of the year is", "Water boils at"]
for (prompt, completion) in zip(prompts, try await llm.generate(prompts, SamplingParams(maxTokens: 8))) {
  print("\(prompt) ...\(completion.text)")
}
await llm.shutdown()
