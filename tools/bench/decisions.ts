// What was tried for speed and kept or not, with its figure: a part of docs/BENCHMARKS.md.

export const decisions = `## What was tried

CPU of a scrape:

| what | effect | decision |
| --- | --- | --- |
| start scrapes that are due within 1/40 of the interval together, and send them to a peer as one packet | a third cheaper at 1/100 of the interval, another quarter at 1/40 | used |
| the same within 1/20 of the interval | another seventh cheaper | not used: scrapes would wait for each other |
| reuse zlib engines and one buffer for decompressed bodies; validate in WebAssembly; halve the wake-ups of an idle agent | a scrape costs 0.63 of before, all together | only the last is still used: plain data, one implementation |
| zstd with the previous body as dictionary, instead of a delta of lines | 1.75 % of the text on the wire instead of 1.1 %; 0.12 ms instead of 0.08 ms at the owner (62 KB) | used: fits any format, less than half of the code |
| send to peers when all scrapes that started together are done, instead of 20 ms later | 7 % cheaper, and visible sooner | used |
| hold the responses of such scrapes back and read them all at once | none | not used |
| one packet and one write for all updates that are due | half the cost of a peer | used |
| ChaCha20 instead of AES-GCM | two ciphers per packet instead of one | not used |
| an undocumented flag that lets the heap double before a collection | saves 40 of 240 MiB with 1,000 endpoints | not used: undocumented |
| \`--single-threaded-gc\` | same CPU, more memory | not used |
| one timer for all that is due, instead of twenty wake-ups per second | less than half of an idle agent's CPU | used |
| an HTTP client of our own instead of undici | a tenth of a scrape cheaper | not used: undici is widely used and maintained |
| undici's response as a stream instead of callbacks | 0.03 ms more for a gzip page | used: half of the code |
| decompression in a thread | not tried: the transfer costs what it would save | |

The remaining cost is evenly spread: decompression, deltas, cipher and socket 5 to 9 % each, event loop and garbage collection a quarter
together.

Serving:

| what | effect | decision |
| --- | --- | --- |
| respond to a repeated request before the HTTP parser, from a ready gzip body | 13.7 µs of CPU instead of three times as much | not used: a page is requested a few times per minute, and memory would not be bounded in the sum |
| status rows that change in place, with pieces of JSON per row | 30 ms instead of 85 ms for 10,000 endpoints | not used: plain objects cannot produce invalid JSON |
| note which targets changed, instead of reading all | two thirds cheaper for a second's changes | not used: 30 ms is enough |
`
