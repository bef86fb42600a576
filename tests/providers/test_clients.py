"""Which client a call gets, and that none is left open."""

from threading import Thread

from imgbuild.providers.clients import Clients


class Client:
    """Counts itself among those that were made."""

    made = 0

    def __init__(self):
        Client.made += 1
        self.closed = 0

    def close(self):
        self.closed += 1


def test_one_a_thread_and_server_is_kept_until_the_end():
    Client.made, clients, others = 0, Clients(), []
    own = clients.of(Client, "key", "here")
    assert clients.of(Client, "key", "here") is own
    elsewhere = clients.of(Client, "key", "there")
    thread = Thread(target=lambda: others.append(clients.of(Client, "key", "here")))
    thread.start()
    thread.join()
    assert Client.made == len({id(client) for client in (own, elsewhere, *others)}) == 3
    clients.close()
    clients.close()
    assert [client.closed for client in (own, elsewhere, *others)] == [1, 1, 1]
