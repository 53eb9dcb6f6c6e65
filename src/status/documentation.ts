// `/-/docs/`: the documentation of this version as web pages, so that it is there where nothing but the agent is
// reached. In the bundle it is in a folder beside it.

import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { ProxyError } from '../errors.ts'
import { fileOf, hasContentType, send } from './files.ts'

const index = 'README.md'

export function serveDocumentation(server: FastifyInstance): void {
  const files = findFiles()

  // relative, since a reverse proxy may serve the agent below a path
  server.get('/-/docs', ({ url }, reply) => {
    const isFolder = url.split('?', 1)[0]!.endsWith('/')
    return reply.redirect(isFolder ? index : `docs/${index}`)
  })
  server.get<{ Params: { '*': string } }>('/-/docs/*', async (request, reply) => {
    const name = request.params['*']
    const url = files.get(name)
    if (!url) throw new ProxyError('not_found', 'the documentation has no such page')
    const body = await readFile(url)
    const isPage = extname(name) === '.md'
    return send(request, reply, fileOf(name, isPage ? await pageOf(`${body}`, files) : body))
  })
}

type Files = ReadonlyMap<string, URL>

/** By path: the pages, their pictures in `images/`, and the README. */
function findFiles(): Files {
  const bundled = new URL('./docs/', import.meta.url)
  const isBundle = existsSync(bundled)
  const folder = isBundle ? bundled : new URL('../../docs/', import.meta.url)
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(hasContentType)
  const readme = new URL(isBundle ? index : `../${index}`, folder)
  return new Map([...names.map((name) => [name, new URL(name, folder)] as const), [index, readme]])
}

async function pageOf(markdown: string, files: Files): Promise<Buffer> {
  // loaded only when somebody reads
  const { marked } = await import('marked')
  const html = accessible(withAnchors(withOwnLinks(marked.parse(markdown, { async: false }), files)))
  const title = /^# (.+)$/m.exec(markdown)?.[1] ?? index
  return Buffer.from(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · documentation</title>
<link rel="icon" href="../page/icon.svg">
<link rel="stylesheet" href="../page/base.css">
<link rel="stylesheet" href="../page/overview.css">
<link rel="stylesheet" href="../page/docs.css">
<script type="module" src="../page/docs.js"></script>
</head>
<body>
<header class="bar"><a href="../../">Status page</a> <a href="./README.md#documentation">All pages</a> <button class="quiet" id="theme" type="button">Theme: system</button></header>
<main class="document">
${html}</main>
</body>
</html>
`)
}

/** Links of the repository as they are here. Those that lead to other files of the repository become plain text. */
function withOwnLinks(html: string, files: Files): string {
  return html.replaceAll(/\b(href|src|srcset)="([^":#]+)(#[^"]*)?"/g, (_, attribute, path, hash = '') => {
    const name = path.replace(/^(\.\.\/)?(docs\/)?/, '')
    return files.has(name) ? `${attribute}="./${name}${hash}"` : `title="${path} in the repository"`
  })
}

/** As the hosting site names headings: in lower case, without punctuation, with dashes for spaces. */
function withAnchors(html: string): string {
  return html.replaceAll(/<h([1-6])>(.*)<\/h\1>/g, (_, level, heading) => {
    const text = heading.replaceAll(/<[^>]*>|&[#\w]+;/g, '').toLowerCase()
    const id = text.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-')
    return `<h${level} id="${id}">${heading}</h${level}>`
  })
}

/** What scrolls sideways is reached by the keyboard, too. */
function accessible(html: string): string {
  return html
    .replaceAll(/<(pre|table)>/g, '<$1 tabindex="0">')
    .replaceAll(/<th( [^>]*)?><\/th>/g, '<td$1></td>')
}
