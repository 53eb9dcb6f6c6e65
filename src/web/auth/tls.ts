// From the web configuration's TLS section to what the server takes.

import { readFileSync } from 'node:fs'
import type { SecureVersion, TlsOptions } from 'node:tls'
import { type Source, type TlsConfig, tlsVersions, WebConfigError } from './web-config.ts'

/**
 * Client certificates are asked for but not enforced here: the guard does it for each request, so that open
 * paths stay open.
 */
export function tlsOptions(tls: TlsConfig): TlsOptions {
  return {
    cert: read(tls.cert),
    key: read(tls.key),
    ...(tls.clientCa && { ca: read(tls.clientCa) }),
    minVersion: tlsVersions[tls.minVersion] as SecureVersion,
    maxVersion: tlsVersions[tls.maxVersion] as SecureVersion,
    ...(tls.cipherSuites.length > 0 && { ciphers: tls.cipherSuites.map(openSslName).join(':') }),
    requestCert: tls.clientAuthType !== 'NoClientCert',
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  }
}

function read(source: Source): string {
  if ('text' in source) return source.text
  try {
    return readFileSync(source.file, 'utf8')
  } catch (error) {
    throw new WebConfigError([`${source.file}: cannot be read (${(error as NodeJS.ErrnoException).code})`])
  }
}

/** Go's names, which the file format uses, as OpenSSL says them. Those of TLS 1.3 are the same in both. */
function openSslName(suite: string): string {
  if (/^TLS_(AES|CHACHA20)_/.test(suite)) return suite
  return suite
    .replace(/^TLS_/, '')
    .replace('_WITH_', '_')
    .replace(/^RSA_/, '')
    .replace(/AES_(\d+)/, 'AES$1')
    .replace(/_CBC_SHA/, '_SHA')
    .replace(/CHACHA20_POLY1305_SHA256$/, 'CHACHA20_POLY1305')
    .replaceAll('_', '-')
}
