// User and password in a URL: sent as basic authentication, never shown.

/** The URL without them, and the value of the header that carries them. */
export function splitCredentials(given: URL): { readonly url: URL; readonly authorization?: string } {
  const url = new URL(given)
  const { username, password } = given
  if (username === '' && password === '') return { url }
  url.username = ''
  url.password = ''
  const pair = Buffer.from(`${decoded(username)}:${decoded(password)}`, 'latin1')
  return { url, authorization: `Basic ${pair.toString('base64')}` }
}

/** Byte by byte, since a URL is ASCII once parsed: `%C3%A9` is the UTF-8 of é, a lone `%` stays as it is. */
function decoded(text: string): string {
  return text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

/**
 * A configured value for logs and error messages: everything before the last `@` of each URL, or of a text without
 * a URL, is hidden. Of a malformed value more than the password may be hidden, never less.
 */
export function redact(text: string): string {
  return text
    .split(/(?<=^|[\s,=])(?=[a-z][a-z0-9+.-]*:\/\/)/i)
    .map((part) => part.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1(hidden)@'))
    .join('')
}
