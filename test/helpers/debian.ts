// Debian's current packages, beside those that are installed: fetched by apt, which verifies their signatures, and
// unpacked into a cache folder. Nothing is installed, and no configuration of the machine changes. What is there is
// used again without a network; to get newer ones, delete the folder.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** The release of Debian whose packages these are. */
const release = 'forky'
const debianKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** The root folder of an unpacked package, whether it has been fetched or not. */
export function unpackedAt(name: string): string {
  return join(cacheFolder(), name)
}

function cacheFolder(): string {
  const caches = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  return join(caches, 'app-metrics-proxy', `debian-${release}`)
}

export interface FetchOptions {
  /** Called with the start and the end of the one line that says what is being fetched. */
  readonly print?: (text: string) => void
  /** Whose signatures count. */
  readonly keyring?: string
}

/**
 * Makes sure that each of the packages is unpacked, without those it depends on. Safe in several processes at once:
 * a package is unpacked under another name, then renamed, and whichever process comes first provides it to all.
 */
export async function fetchPackages(
  names: readonly string[],
  { print = (text) => void process.stdout.write(text), keyring = debianKeyring }: FetchOptions = {},
): Promise<void> {
  const missing = [...new Set(names)].filter((name) => !existsSync(unpackedAt(name)))
  if (missing.length === 0) return
  print(`fetching Debian ${release}'s ${missing.join(', ')} … `)
  const startedAt = performance.now()
  try {
    await fetchAll(missing, keyring)
  } catch (error) {
    print('failed\n')
    const message = `Debian ${release}'s ${missing.join(', ')} can't be fetched: ${reasonOf(error)}`
    throw new Error(message, { cause: error })
  }
  print(`${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`)
}

async function fetchAll(names: readonly string[], keyring: string): Promise<void> {
  await mkdir(cacheFolder(), { recursive: true })
  const work = await mkdtemp(join(cacheFolder(), '.fetching-'))
  try {
    const apt = await configureApt(work, await mirror(), keyring)
    await apt('update')
    await apt('download', ...names)
    for (const name of names) await unpack(name, work)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** The mirror of Debian that this machine's own apt uses. */
async function mirror(): Promise<string> {
  if (!existsSync('/usr/bin/apt-get')) throw new Error('this machine has no apt-get')
  const codename = /^VERSION_CODENAME="?(\w+)/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1]
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT)'
  const query = ['indextargets', '--no-release-info', '--format', format, 'Created-By: Packages']
  const { stdout } = await execute('apt-get', query)
  const sources = stdout.split('\n').map((line) => line.split(' '))
  const main = sources.find(
    ([, of, component]) => (of === codename || of === 'stable') && component === 'main',
  )
  if (main === undefined) throw new Error(`this machine's apt has no source for main of ${codename}`)
  return main[0]!
}

/** apt-get with all it reads and writes in one folder, and without hooks that would work on the machine's own. */
async function configureApt(
  folder: string,
  uri: string,
  keyring: string,
): Promise<(...args: readonly string[]) => Promise<unknown>> {
  const [sources, lists, cache] = ['debian.sources', 'lists', 'cache'].map((name) => join(folder, name))
  await mkdir(join(lists!, 'partial'), { recursive: true })
  await mkdir(join(cache!, 'archives/partial'), { recursive: true })
  await writeFile(
    sources!,
    `Types: deb\nURIs: ${uri}\nSuites: ${release}\nComponents: main\nSigned-By: ${keyring}\n`,
  )
  const config = join(folder, 'apt.conf')
  await writeFile(
    config,
    `
Dir::Etc::sourcelist "${sources}";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "${lists}";
Dir::Cache "${cache}";
Acquire::Languages "none";
APT::Update::Error-Mode "any";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`,
  )
  const env = { ...process.env, LC_ALL: 'C' }
  return (...args) => execute('apt-get', ['--config-file', config, '--quiet', ...args], { cwd: folder, env })
}

async function unpack(name: string, work: string): Promise<void> {
  await mkdir(join(work, 'unpacked'), { recursive: true })
  const file = (await readdir(work)).find((entry) => entry.startsWith(`${name}_`))
  const root = join(work, 'unpacked', name)
  await execute('dpkg', ['--extract', join(work, file!), root])
  try {
    await rename(root, unpackedAt(name))
  } catch (error) {
    // Another process has just provided it.
    if (!existsSync(unpackedAt(name))) throw error
  }
}

/** What apt complains about, else the error's own message. */
function reasonOf(error: unknown): string {
  const { stderr = '', message } = error as { stderr?: string; message: string }
  return /^E: (.*)$/m.exec(stderr)?.[1] ?? message
}
