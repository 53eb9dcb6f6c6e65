// Runs one of our scripts on Node 24, whatever node started it: installs the dependencies of this
// checkout if they are missing or outdated (one of them brings a Node 24), then hands over.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const wanted = 24

function installDependencies() {
  const stamp = join(root, 'node_modules', '.installed')
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  process.stderr.write('Installing the dependencies of this checkout (npm ci) …\n')
  const npm = spawnSync('npm', ['ci', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (npm.status !== 0) process.exit(npm.status ?? 1)
  writeFileSync(stamp, lock)
}

function findNode() {
  if (Number.parseInt(process.versions.node, 10) >= wanted) return process.execPath
  try {
    const packaged = `node-${process.platform}-${process.arch}/package.json`
    return join(dirname(createRequire(join(root, 'package.json')).resolve(packaged)), 'bin', 'node')
  } catch {
    process.stderr.write(
      `This needs Node ${wanted} or newer; this is ${process.version}, and npm has no packaged Node ` +
        `for ${process.platform}-${process.arch}. Install Node ${wanted} and try again.\n`,
    )
    return process.exit(1)
  }
}

installDependencies()
const node = findNode()
const path = [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
const child = spawn(node, process.argv.slice(2), {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: path },
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal ?? 'SIGKILL'] ?? 9)))
