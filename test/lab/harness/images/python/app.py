"""An application with Prometheus' client for Python: gzip and OpenMetrics, as they come. With the word `plain`
one that writes no Content-Type, and text only."""
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import Counter, Enum, Gauge, Histogram, Info, Summary, make_wsgi_app

Counter('orders', 'What was\nordered "so".', ['shop', 'slot']).labels('a "b" \\ c\nd', '7').inc(3, {'trace_id': 'abc'})
Histogram('took_seconds', 'How long it took.', unit='seconds').observe(0.3, {'trace_id': 'def'})
Summary('size_bytes', 'How large it was.', unit='bytes').observe(12)
Gauge('share', '').set(float('nan'))
Gauge('limit', 'None.').set(float('inf'))
Info('build', 'Which it is.').info({'version': '1.2'})
Enum('state', 'How it is.', states=['up', 'down']).state('down')

metrics = make_wsgi_app()


def plain(environ, start_response):
    def without_type(status, headers):
        return start_response(status, [(name, value) for name, value in headers if name.lower() != 'content-type'])

    environ.pop('HTTP_ACCEPT', None)
    return metrics(environ, without_type)


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Handler(WSGIRequestHandler):
    def log_message(self, *args):
        pass


application = plain if 'plain' in sys.argv else metrics
make_server('', 8000, application, Server, Handler).serve_forever()
