// Makes dist/: the agent as one file, so that it starts fast and the image needs no node_modules; its thread that
// compares passwords; the small program that asks whether it lives; the status page's files; and the licences of
// all that went in.

import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild'
import { bundling } from './bundling.ts'

const root = dirname(import.meta.dirname)
const out = join(root, 'dist')

/** Native code that ssh2 tries to load and does without. */
const native = /^cpu-features$|\.node$/
/** What dockerode loads to build images, which we never do: most of its time to load and 30 MB of memory. */
const unused = /^(@grpc\/.*|protobufjs|tar-fs|@balena\/dockerignore)$/

const leaveOut: Plugin = {
  name: 'leave-out',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: native }, ({ path }) => ({ path, namespace: 'native' }))
    onLoad({ filter: /./, namespace: 'native' }, () => ({ contents: 'throw new Error("left out")' }))
    onResolve({ filter: unused }, ({ path }) => ({ path, namespace: 'unused' }))
    onLoad({ filter: /./, namespace: 'unused' }, () => ({ contents: 'module.exports = {}' }))
  },
}

const shared = {
  ...bundling,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
  plugins: [leaveOut],
} satisfies BuildOptions

/** The licence texts of every package of which the bundle has a part. */
function licencesOf(bundles: readonly Metafile[]): string {
  const folders = bundles
    .flatMap(({ inputs }) => Object.keys(inputs))
    .flatMap((file) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [])
  return [...new Set(folders)]
    .sort()
    .map(licenceOf)
    .join(`\n${'-'.repeat(80)}\n\n`)
}

function licenceOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
  const files = readdirSync(join(root, folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
  const texts = files.map((file) => readFileSync(join(root, folder, file), 'utf8').trim())
  return `${name} ${version} (${license})\n\n${texts.join('\n\n')}\n`
}

rmSync(out, { recursive: true, force: true })
const { metafile: main } = await build({
  ...shared,
  entryPoints: [join(root, 'src/main.ts')],
  outfile: join(out, 'main.js'),
  format: 'esm',
  // What the parts that are CommonJS take for given.
  banner: {
    js: `import { createRequire } from 'node:module'
const require = createRequire(import.meta.url), __dirname = import.meta.dirname`,
  },
})
const { metafile: worker } = await build({
  ...shared,
  entryPoints: [join(root, 'src/web/auth/password-worker.ts')],
  outfile: join(out, 'password-worker.js'),
  format: 'esm',
})
await build({
  ...shared,
  entryPoints: [join(root, 'src/cli/health.ts')],
  outfile: join(out, 'health.cjs'),
  format: 'cjs',
})
for (const part of ['docs', 'README.md'])
  cpSync(join(root, part), part === 'docs' ? join(out, part) : join(out, 'docs', part), {
    recursive: true,
    filter: (file) => basename(file) !== 'benchmarks',
  })
cpSync(join(root, 'src/status/ui'), join(out, 'ui'), {
  recursive: true,
  filter: (file) => !file.endsWith('tsconfig.json'),
})
// In dist/, package.json says that .js is ESM, and which version this is.
const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
writeFileSync(join(out, 'package.json'), `${JSON.stringify({ name, version, type: 'module' })}\n`)
writeFileSync(join(out, 'LICENCES-OF-PARTS.txt'), licencesOf([main, worker]))
