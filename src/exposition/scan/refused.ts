/** What Prometheus wouldn't take, and where. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly position: number

  constructor(position: number, reason: string) {
    super(reason)
    this.position = position
  }
}
