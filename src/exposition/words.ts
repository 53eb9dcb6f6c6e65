/** `1 series repeats`, `2 series repeat`. */
export const counted = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`
