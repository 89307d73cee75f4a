import os
import signal
import threading

from components.training.trainer.sigterm import handling_sigterm


def test_within_the_block_the_handler_is_called_and_afterwards_the_former_one():
    heard, before = [], signal.getsignal(signal.SIGTERM)
    with handling_sigterm(lambda number, frame: heard.append(number)):
        os.kill(os.getpid(), signal.SIGTERM)
    assert heard == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is before


def test_outside_the_main_thread_nothing_changes():
    before, within = signal.getsignal(signal.SIGTERM), []

    def work():
        with handling_sigterm(lambda number, frame: None):
            within.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert within == [before]
