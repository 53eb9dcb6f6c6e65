// Charts as SVG: points with their regression line, and groups of bars. Legible on light and dark ground.

export interface Line {
  readonly name: string
  /** What the axes show, with units. */
  readonly across: string
  readonly up: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

/** In each group the same names. */
export interface Bars {
  /** With the unit. Smaller is better. */
  readonly title: string
  readonly groups: readonly {
    readonly name: string
    readonly values: readonly { readonly name: string; readonly value: number; readonly isOurs?: boolean }[]
  }[]
}

export interface Regression {
  readonly slope: number
  readonly start: number
}

/** The straight line with the least squares. */
export function regression(points: Line['points']): Regression {
  const mean = (of: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length
  const [x, y] = [mean((point) => point[0]), mean((point) => point[1])]
  const along = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0)
  const slope = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) / along
  return { slope, start: y - slope * x }
}

const lineSize = { width: 440, height: 250, left: 62, right: 22, top: 38, bottom: 48 }
const barSize = { width: 640, label: 130, value: 60, top: 40, title: 22, bar: 16, gap: 4, between: 14 }

export function drawLine({ name, across, up, points }: Line): string {
  const { width, height, left, right, top, bottom } = lineSize
  const { slope, start } = regression(points)
  const [lastX, lastY] = [largest(points, 0), largest(points, 1)]
  const [endX, endY] = [roundUp(lastX), roundUp(lastY)]
  const x = (value: number) => round(left + (value / endX) * (width - left - right))
  const y = (value: number) => round(height - bottom - (value / endY) * (height - top - bottom))
  const within = (value: number) => Math.max(0, Math.min(endY, value))
  const levels = [0, 0.25, 0.5, 0.75, 1]
  const grid = levels.map((part) => {
    const at = y(part * endY)
    return `<line class="grid" x1="${left}" x2="${width - right}" y1="${at}" y2="${at}"/><text class="end" x="${left - 8}" y="${at + 4}">${number(part * endY)}</text>`
  })
  const ticks = levels.map(
    (part) =>
      `<text class="middle" x="${x(part * endX)}" y="${height - bottom + 18}">${number(part * endX)}</text>`,
  )
  const dots = points.map(([a, b]) => `<circle class="own" cx="${x(a)}" cy="${y(b)}" r="4"/>`)
  const fit = `<line class="fit" x1="${x(0)}" y1="${y(within(start))}" x2="${x(lastX)}" y2="${y(within(start + slope * lastX))}"/>`
  const axis = `<text class="middle" x="${(left + width - right) / 2}" y="${height - 10}">${across}</text>`
  return svg(width, height, `${name}: ${up}`, `${name}: ${up} by ${across}`, [
    ...[...grid, ...ticks, axis, fit, ...dots],
  ])
}

export function drawBars({ title, groups }: Bars): string {
  const { width, label, value: valueWidth, top, title: titleHeight, bar, gap, between } = barSize
  const end = Math.max(...groups.flatMap(({ values }) => values.map(({ value }) => value)))
  const lengthOf = (value: number) => round((value / end) * (width - label - valueWidth))
  let y = top
  const parts = groups.flatMap(({ name, values }) => {
    const heading = `<text class="group" x="${label}" y="${y + 14}">${name}</text>`
    y += titleHeight
    const bars = values.map(({ name, value, isOurs }) => {
      const length = lengthOf(value)
      const middle = y + bar / 2 + 4
      const drawn = `<text class="end" x="${label - 8}" y="${middle}">${name}</text><rect class="${isOurs ? 'own' : 'other'}" x="${label}" y="${y}" width="${length}" height="${bar}" rx="2"/><text x="${label + length + 6}" y="${middle}">${number(value)}</text>`
      y += bar + gap
      return drawn
    })
    y += between
    return [heading, ...bars]
  })
  return svg(width, y, title, title, parts)
}

function svg(width: number, height: number, title: string, label: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">
<style>
text { font: 12px system-ui, sans-serif; fill: #57606a } .name { font-weight: 600; font-size: 14px; fill: #1f2328 }
.group { font-weight: 600 } .end { text-anchor: end } .middle { text-anchor: middle } .grid { stroke: #d0d7de }
.own { fill: #0969da } .other { fill: #afb8c1 } .fit { stroke: #0969da; stroke-width: 1.5; stroke-dasharray: 5 4; opacity: 0.7 }
@media (prefers-color-scheme: dark) {
text { fill: #9198a1 } .name { fill: #f0f6fc } .grid { stroke: #3d444d } .own { fill: #4493f8 } .other { fill: #656c76 } .fit { stroke: #4493f8 }
}
</style>
<text class="name" x="12" y="20">${title}</text>
${parts.join('\n')}
</svg>
`
}

const largest = (points: Line['points'], at: 0 | 1) => Math.max(...points.map((point) => point[at]))
const round = (value: number) => Math.round(value * 10) / 10

/** To a number that reads well at four equal steps. */
function roundUp(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value || 1))
  return (
    [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10].map((step) => step * unit).find((step) => step >= value) ?? value
  )
}

export function number(value: number): string {
  return String(Number(value.toPrecision(3)))
}
