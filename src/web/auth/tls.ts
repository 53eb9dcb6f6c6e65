// The TLS options of the server, from the web configuration.

import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureVersion, type TlsOptions } from 'node:tls'
import { ConfigError } from '../../config/config.ts'
import type { PemSource, TlsConfig, TlsVersion } from './web-config.ts'

const versions: Readonly<Record<TlsVersion, SecureVersion>> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
}

/**
 * Client certificates are requested, but checked by the guard for each request, so that open paths stay open. Throws a
 * `ConfigError` for a certificate that cannot be used, such as one that was replaced before its key.
 */
export function tlsOptions(tls: TlsConfig): TlsOptions {
  const options: TlsOptions = {
    cert: read(tls.cert),
    key: read(tls.key),
    ...(tls.clientCa && { ca: read(tls.clientCa) }),
    minVersion: versions[tls.minVersion],
    maxVersion: versions[tls.maxVersion],
    ...(tls.cipherSuites.length > 0 && { ciphers: tls.cipherSuites.map(openSslName).join(':') }),
    requestCert: tls.clientAuthType !== 'NoClientCert',
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  }
  try {
    createSecureContext(options)
  } catch (error) {
    throw new ConfigError([`tls_server_config: ${(error as Error).message}`])
  }
  return options
}

function read(source: PemSource): string {
  if ('text' in source) return source.text
  try {
    return readFileSync(source.file, 'utf8')
  } catch (error) {
    throw new ConfigError([`${source.file}: cannot be read (${(error as NodeJS.ErrnoException).code})`])
  }
}

/** The file has Go's names of cipher suites. Those of TLS 1.3 are the same in OpenSSL. */
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
