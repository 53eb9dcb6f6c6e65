// A plain object answers `constructor` and `__proto__` to whoever asks: what comes from outside as a key (a label's
// value, a name, an id) is looked up in Maps. TypeScript knows every place where an object is indexed by any text.

import { type Node, SyntaxKind } from 'typescript/unstable/ast'
import { API, type Checker, TypeFlags } from 'typescript/unstable/sync'
import { expect, test } from 'vitest'
import { scaled } from './helpers/limits.ts'

/** Where the key is one of ours, or the object is checked whether it has the key of its own. */
const harmless = [
  // what the pattern before it lets through
  "config/values.ts { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[(match?.[2] ?? '').toLowerCase()]",
  'exposition/scan/escapes.ts meaning[sequence]',
  'exposition/scan/escapes.ts escapes[character]',
  'promql/literals.ts escapes[sequence]',
  // names that stand in this program
  'config/config.ts environment[option.name]',
  'config/config.ts values[key]',
  'web/auth/web-config.ts section[key]',
  `web/auth/web-config.ts section[\`\${key}_file\`]`,
  'status/routes.ts contentTypes[extname(name)]',
  'sync/schema.ts given[key]',
  'exposition/protobuf/messages.ts values[name]',
  'exposition/protobuf/messages.ts into[name]',
  'exposition/protobuf/messages.ts (values as Values)[field.name]',
  `sync/schema.ts shapes[kind(plain(value, path)[key], \`\${path}.\${key}\`)]`,
  // of the parser of expressions, which has no such names
  'promql/expression.ts checks[node.name]',
  // after Object.hasOwn
  'cli/dispatch.ts commands[name]',
  'web/auth/passwords.ts hashes[user]',
  'sd/sd.ts labels[label]',
]

test('no object is looked up by a key from outside', { timeout: scaled(120_000) }, () => {
  using api = openProject('tsconfig.json')
  const found = api.sources.flatMap(({ name, node }) =>
    lookUps(node, api.checker).map((text) => `${name} ${text}`),
  )
  expect(found.filter((one) => !harmless.includes(one))).toEqual([])
})

function openProject(config: string) {
  const api = new API({ cwd: process.cwd() })
  const [project] = api.updateSnapshot({ openProjects: [`${process.cwd()}/${config}`] }).getProjects()
  const { program, checker } = project!
  const root = `${process.cwd()}/src/`
  const names = program.getSourceFileNames().filter((name) => name.startsWith(root))
  return {
    checker,
    sources: names.map((name) => ({ name: name.slice(root.length), node: program.getSourceFile(name)! })),
    [Symbol.dispose]: () => api.close(),
  }
}

/** Each place where the key can be any text, as it stands there. */
function lookUps(root: Node, checker: Checker): readonly string[] {
  const found: string[] = []
  function visit(node: Node): void {
    if (node.kind === SyntaxKind.ElementAccessExpression) {
      const { argumentExpression } = node as Node & { readonly argumentExpression: Node }
      const { flags } = checker.getTypeAtLocation(argumentExpression)!
      if (flags & (TypeFlags.String | TypeFlags.TemplateLiteral)) found.push(node.getText())
    }
    node.forEachChild(visit)
  }
  visit(root)
  return found
}
