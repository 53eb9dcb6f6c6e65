// In place of node:fs for src/status: the status page's files are read once in a thread, not at each start of an agent.

import { type PathLike, readdirSync as readdir, readFileSync as readFile } from 'node:fs'

const folders = new Map<string, string[]>()
const files = new Map<string, Buffer>()

export function readdirSync(folder: PathLike): string[] {
  const names = folders.get(`${folder}`) ?? readdir(folder)
  folders.set(`${folder}`, names)
  return names
}

export function readFileSync(file: PathLike): Buffer {
  const body = files.get(`${file}`) ?? readFile(file)
  files.set(`${file}`, body)
  return body
}
