// One series of points as an SVG that is readable on light and dark ground.

export interface Series {
  readonly name: string
  /** What the axes show, with units. */
  readonly across: string
  readonly up: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

export interface Line {
  readonly slope: number
  readonly start: number
}

/** The straight line with the least squares. */
export function straight(points: Series['points']): Line {
  const mean = (of: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length
  const [x, y] = [mean((point) => point[0]), mean((point) => point[1])]
  const along = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0)
  const slope = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) / along
  return { slope, start: y - slope * x }
}

/** On a page two of them stand side by side. */
const width = 440
const height = 250
const left = 62
const right = 22
const top = 38
const bottom = 48

export function draw({ name, across, up, points }: Series): string {
  const { slope, start } = straight(points)
  const [mostX, mostY] = [roundUp(most(points, 0)), roundUp(most(points, 1))]
  const x = (value: number) => round(left + (value / mostX) * (width - left - right))
  const y = (value: number) => round(height - bottom - (value / mostY) * (height - top - bottom))
  const levels = [0, 0.25, 0.5, 0.75, 1]
  const grid = levels.map((part) => {
    const at = y(part * mostY)
    return `<line class="grid" x1="${left}" x2="${width - right}" y1="${at}" y2="${at}"/><text class="end" x="${left - 8}" y="${at + 4}">${number(part * mostY)}</text>`
  })
  const ticks = levels.map(
    (part) =>
      `<text class="middle" x="${x(part * mostX)}" y="${height - bottom + 18}">${number(part * mostX)}</text>`,
  )
  const dots = points.map(([a, b]) => `<circle cx="${x(a)}" cy="${y(b)}" r="4"/>`)
  const last = most(points, 0)
  const within = (value: number) => Math.max(0, Math.min(mostY, value))
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${name}: ${up} by ${across}">
<style>
text { font: 12px system-ui, sans-serif; fill: #57606a } .name { font-weight: 600; font-size: 14px; fill: #1f2328 }
.end { text-anchor: end } .middle { text-anchor: middle } .grid { stroke: #d0d7de } circle { fill: #0969da }
.fit { stroke: #0969da; stroke-width: 1.5; stroke-dasharray: 5 4; opacity: 0.7 }
@media (prefers-color-scheme: dark) {
text { fill: #9198a1 } .name { fill: #f0f6fc } .grid { stroke: #3d444d } circle { fill: #4493f8 } .fit { stroke: #4493f8 }
}
</style>
<text class="name" x="12" y="20">${name}: ${up}</text>
${[...grid, ...ticks].join('\n')}
<text class="middle" x="${(left + width - right) / 2}" y="${height - 10}">${across}</text>
<line class="fit" x1="${x(0)}" y1="${y(within(start))}" x2="${x(last)}" y2="${y(within(start + slope * last))}"/>
${dots.join('\n')}
</svg>
`
}

const most = (points: Series['points'], at: 0 | 1) => Math.max(...points.map((point) => point[at]))
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
