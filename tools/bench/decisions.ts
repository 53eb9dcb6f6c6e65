// What was tried for speed and memory, with its figure: a part of docs/BENCHMARKS.md.

export const decisions = `## What was tried

| what | effect | decision |
| --- | --- | --- |
| start scrapes that are due within 1/40 of the interval together, and send them to a peer as one packet | a third cheaper at 1/100 of the interval, another quarter at 1/40 | used |
| the same within 1/20 of the interval | another seventh cheaper | not used: scrapes would wait for each other |
| zstd with the previous body as dictionary, instead of a delta of lines | 1.75 % of the text on the wire instead of 1.1 %; 0.12 ms instead of 0.08 ms at the owner (62 KB) | used: fits any format, less than half of the code |
| send to peers when all scrapes that started together are done, instead of 20 ms later | 7 % cheaper, and visible sooner | used |
| one packet and one write for all updates that are due | half the cost of a peer | used |
| one timer for all that is due, instead of twenty wake-ups per second | less than half of an idle agent's CPU | used |
| pack what validation unpacked, instead of unpacking it again | one of three times to unpack, 16 page faults and 62 KB of garbage less for a scrape | used |
| pack for peers with a table of an eighth of the window and long matches, instead of zstd's level 3 | 80 instead of 240 page faults for a frame of 58 KB, which is as large | used |
| keep the sum of the bytes in the store, instead of adding it up at each scrape | a fifth of a scrape's garbage (300 endpoints); with the two rows above 0.90 to 0.92 of the CPU of a scrape | used |
| zstd's level 9 with a table of a quarter of the window | 1.8 instead of 2.4 % of the text for a frame; 1.7 times the CPU of packing | not used |
| chunks of 4 KB for zlib, since Node keeps the first one until a full collection | a third fewer full collections, but 1.13 of the CPU and 139 instead of 126 MiB | not used |
| a collection of the young generation after each batch of scrapes, with the row above | 1.07 of the CPU and 161 MiB: full collections are as frequent | not used |
| the C library returns freed memory from 64 KiB on, or keeps 1 to 2 MiB for reuse | no page faults; no less CPU, 150 to 162 instead of 127 MiB | not used |
| clients of one small page share its response | 50 clients of a page of another node: 1,050 pages per second and p99 250 ms before, 6,500 and 42 to 78 ms after | used: 20 lines, at most 16 responses |
| the C library returns freed memory from 48 KiB on, instead of 64 KiB | 145 MiB instead of 173 with 300 endpoints; 0.03 ms more in the kernel for a scrape | used |
| the same from 32 KiB on | 138 MiB, but 0.35 ms more in the kernel | not used |
| the same from 8 KiB on | 124 MiB | not used: large agents would need more mappings than the kernel allows |
| \`--max-semi-space-size=1\` instead of 4 | 1.07 instead of 1.79 ms of CPU a scrape (300 endpoints), the same memory: full collections become rare | used |
| \`--initial-old-space-size=48\`: no full collection before heap and buffers take so much, instead of one for each 8 MB | 1.05 instead of 1.24 of vmagent’s CPU of a scrape, in two runs; 0.6 to 0.65 of it in one run on a busy machine; the same memory or less. From 64 MB on another tenth, but 10 MiB more for an idle agent | used |
| one arena of the C library instead of two | none | not used |
| reuse the buffer for unpacked bodies | saves garbage of up to 30 MiB | not used: what is handed over never changes |
| an undocumented flag that lets the heap double before a collection | saves 40 of 240 MiB with 1,000 endpoints | not used: undocumented |
| \`--single-threaded-gc\` | same CPU, more memory | not used |
| ChaCha20 instead of AES-GCM | two ciphers per packet instead of one | not used |
| an HTTP client of our own instead of undici | a tenth of a scrape cheaper | not used: undici is widely used and maintained |
| undici's response as a stream instead of callbacks | 0.03 ms more for a gzip page | used: half of the code |
| respond to a repeated request before the HTTP parser, from a ready gzip body | a third of the CPU of a cached response | not used: a page is requested a few times per minute |
| status rows that change in place, with pieces of JSON per row | 30 ms instead of 85 ms for 10,000 endpoints | not used: plain objects cannot produce invalid JSON |
`
