// One key for a Map from several texts of which any may come from outside: no two lists of texts make the same key,
// as joined with a separator `shop` and `api_db` would make that of `shop_api` and `db`.

export function compoundKey(...parts: readonly string[]): string {
  return JSON.stringify(parts)
}
