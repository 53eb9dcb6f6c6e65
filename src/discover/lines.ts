// Lines out of a stream that cuts them wherever it likes, in the middle of a character too.

/** A longer line is no event of Docker's: the stream is given up rather than collected for ever. */
const longest = 4 * 2 ** 20

export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = parts.pop()!
    if (rest.length > longest) throw new Error(`a line of more than ${longest} characters`)
    for (const part of parts) if (part.trim() !== '') yield part
  }
}
