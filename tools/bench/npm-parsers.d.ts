// Packages without types of their own, as far as the benchmark calls them.

declare module 'exposition' {
  const exposition: { parse(page: string): unknown }
  export default exposition
}

declare module 'parse-prometheus-text-format' {
  export default function parse(page: string): unknown
}
