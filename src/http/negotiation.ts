// Parses `Accept`, `Accept-Encoding`, `Content-Type` and `If-None-Match`.
//
// Own code, since the libraries for it do not return the media types' parameters that are needed: version, escaping.

export interface Range {
  /** A media type or a content coding, in lower case; may have or be `*`. */
  readonly name: string
  /** By name in lower case, without `q`. */
  readonly parameters: ReadonlyMap<string, string>
  /** From 0, not accepted, to 1. */
  readonly quality: number
}

/** In the order of the header. Of two with the same name, callers take the first. */
export function rangesOf(header: string | readonly string[] | undefined): readonly Range[] {
  const text = typeof header === 'string' ? header : (header ?? []).join(',')
  return partsOf(text, commas).map(rangeOf)
}

/** Separators within quotes do not count. */
const commas = /(?:[^,"]|"(?:\\.|[^"\\])*"?)+/g
const semicolons = /(?:[^;"]|"(?:\\.|[^"\\])*"?)+/g

function partsOf(text: string, part: RegExp): readonly string[] {
  return (text.match(part) ?? []).map((one) => one.trim()).filter((one) => one !== '')
}

/** A single one, such as a `Content-Type`. */
export function rangeOf(text: string): Range {
  const [name = '', ...rest] = partsOf(text, semicolons)
  const parameters = new Map(rest.map(parameterOf))
  const quality = Number(parameters.get('q') ?? 1)
  parameters.delete('q')
  return { name: name.toLowerCase(), parameters, quality: quality >= 0 && quality <= 1 ? quality : 0 }
}

function parameterOf(text: string): [string, string] {
  const cut = text.indexOf('=')
  if (cut < 0) return [text.toLowerCase(), '']
  const value = text.slice(cut + 1).trim()
  return [text.slice(0, cut).trim().toLowerCase(), /^"(.*)"$/.exec(value)?.[1] ?? value]
}

/** A smaller body fits into one packet anyway. */
export const minGzipBytes = 1400

/** Whether gzip is accepted, and not less preferred than no encoding. */
export function acceptsGzip(header: string | readonly string[] | undefined): boolean {
  const ranges = rangesOf(header)
  const qualityOf = (names: readonly string[]) => ranges.find(({ name }) => names.includes(name))?.quality
  const gzip = qualityOf(['gzip', 'x-gzip']) ?? qualityOf(['*']) ?? 0
  return gzip > 0 && gzip >= (qualityOf(['identity']) ?? 0)
}

/** Whether JSON is preferred to HTML. Browsers, and clients that accept everything, get HTML. */
export function prefersJson(accept: string | undefined): boolean {
  const ranges = rangesOf(accept)
  const qualityOf = (type: string) => ranges.find(({ name }) => name === type)?.quality ?? 0
  return qualityOf('application/json') > qualityOf('text/html')
}

/** Whether the client has this version already. Weak and strong ETags match: for GET that makes no difference. */
export function hasVersion(ifNoneMatch: string | undefined, etag: string): boolean {
  const cached = partsOf(ifNoneMatch ?? '', commas).map(strong)
  return cached.includes(strong(etag)) || cached.includes('*')
}

const strong = (tag: string) => tag.replace(/^W\//, '')
