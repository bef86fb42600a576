"""How the model in the box is made: pictures drawn here, a VAE, a text encoder and a UNet trained on them."""
