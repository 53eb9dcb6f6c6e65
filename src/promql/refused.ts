/** Why an expression can't stand, and where: the offset of the first character that is wrong. */
export class RefusedExpression extends Error {
  readonly at: number

  constructor(reason: string, at: number) {
    super(reason)
    this.at = at
  }
}
