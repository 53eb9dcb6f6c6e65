// Runs within a process of the memory section and answers what it holds, in MiB.

process.on('message', () => {
  const { heapTotal, arrayBuffers } = process.memoryUsage()
  globalThis.gc?.()
  const { heapUsed } = process.memoryUsage()
  const parts = {
    heap: heapTotal,
    objects: heapUsed,
    buffers: arrayBuffers,
  }
  process.send?.(Object.fromEntries(Object.entries(parts).map(([name, bytes]) => [name, bytes / 2 ** 20])))
})
// the process ends without waiting for a question
process.channel?.unref()
