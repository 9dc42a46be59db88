"""`python -m touchline` does what the console command does."""

from touchline.main import main

if __name__ == "__main__":
    main()
