// As much as is used of what Node has and @types/node doesn't know.

declare namespace WebAssembly {
  class Module {
    constructor(program: Uint8Array)
  }
  class Instance {
    constructor(module: Module)
    readonly exports: object
  }
  interface Memory {
    readonly buffer: ArrayBuffer
  }
  interface Global {
    readonly value: number
  }
}
