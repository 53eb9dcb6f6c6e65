// Programs in WebAssembly, each compiled at its first use. What one has made lies in its memory until its next use.

interface Exports {
  readonly memory: WebAssembly.Memory
}

/** What is kept from one use to the next has no more memory than this: what large pages take is given back. */
const mostKept = 4 * 2 ** 20

/** To use the program, which is given in base64; `use` isn't called where there is no memory for it. */
export function createProgram<E extends Exports>(
  base64: string,
): <T>(use: (exports: E) => T) => T | undefined {
  let module: WebAssembly.Module | undefined
  let kept: E | undefined

  /** Undefined if there is no memory for it. */
  function open(): E | undefined {
    module ??= new WebAssembly.Module(Buffer.from(base64, 'base64'))
    try {
      return new WebAssembly.Instance(module).exports as unknown as E
    } catch (error) {
      if (error instanceof RangeError) return undefined
      throw error
    }
  }

  return (use) => {
    const exports = kept ?? open()
    if (!exports) return undefined
    const result = use(exports)
    kept = exports.memory.buffer.byteLength > mostKept ? undefined : exports
    return result
  }
}
