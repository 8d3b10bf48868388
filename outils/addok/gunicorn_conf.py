"""How Addok is served: loopback only (the address is given by servir.py), and no address in any log."""

from gunicorn import glogging

workers = 2
worker_class = "sync"
timeout = 30
accesslog = None
loglevel = "error"  # a warning may quote an ill-formed request
control_socket_disable = True


class Discreet(glogging.Logger):
    """gunicorn writes the request's line, hence the address asked for, when a request fails: not here."""

    def exception(self, msg, *args, **kwargs):
        self.error_log.error("une requête a échoué (son texte n'est pas écrit)")

    def access(self, resp, req, environ, request_time):
        return None


logger_class = Discreet
